import { Secret, TOTP } from "otpauth";

const periodSec = 30;

function totpOf(secret: string, name: string): TOTP {
  return new TOTP({
    issuer: "Cordon",
    label: name,
    algorithm: "SHA1",
    digits: 6,
    period: periodSec,
    secret: Secret.fromBase32(secret),
  });
}

/** 160 bits in base32, as authenticators take it. */
export const makeTotpSecret = (): string => new Secret({ size: 20 }).base32;

export const totpUri = (secret: string, name: string): string => totpOf(secret, name).toString();

/**
 * The 30 seconds (counted since 1970) whose code this is, or null. One period before and after count as well: clocks differ.
 * A period up to `lastStep` was used already, and its code does not count again.
 */
export function findTotpStep(
  { secret, name, lastStep }: { secret: string; name: string; lastStep: number },
  code: string,
  at: Date,
): number | null {
  const delta = totpOf(secret, name).validate({ token: code, timestamp: at.getTime(), window: 1 });
  if (delta === null) return null;
  const step = Math.floor(at.getTime() / 1000 / periodSec) + delta;
  return step > lastStep ? step : null;
}
