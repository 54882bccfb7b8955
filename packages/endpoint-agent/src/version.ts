/** One version for all of Cordon; a test holds it to the package's. */
export const agentVersion = "0.1.0";
