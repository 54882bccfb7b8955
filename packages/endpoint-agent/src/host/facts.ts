import { readFileSync } from "node:fs";
import { hostname, networkInterfaces, release, type } from "node:os";
import type { HostFacts } from "@cordon/contract";
import { agentVersion } from "../version.ts";

const maxAddresses = 64;

/** `towards`: this host's address on the way to the Central Node, where one is known; it is named first. */
export function readHostFacts(towards: string | null): Omit<HostFacts, "capabilities"> {
  return {
    hostName: hostname().slice(0, 255),
    ipAddresses: addressesOf(towards),
    osFamily: osFamily(),
    osName: readOsName().slice(0, 255),
    agentVersion,
  };
}

function addressesOf(towards: string | null): string[] {
  // A socket that speaks both families names IPv4 addresses as IPv6 ones.
  const first = towards?.replace(/^::ffff:/, "") ?? null;
  const others = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    // Link-local IPv6 addresses name a host only on one wire.
    .filter((entry) => !entry.internal && !entry.address.startsWith("fe80:"))
    .map((entry) => entry.address);
  return [...new Set(first === null ? others : [first, ...others])].slice(0, maxAddresses);
}

function osFamily(): HostFacts["osFamily"] {
  if (process.platform === "win32") return "windows";
  return process.platform === "darwin" ? "macos" : "linux";
}

function readOsName(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
    if (name !== undefined && name !== "") return name;
  } catch {
    // Not every system has the file; the kernel's name is the next best.
  }
  return `${type()} ${release()}`;
}
