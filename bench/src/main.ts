/** Runs the benchmarks of docs/… that exist, and prints one table. Filled by the benches beside it. */
console.error("no benchmark yet");
process.exitCode = 1;
