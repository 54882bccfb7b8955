/**
 * What the first bytes of a connection say, which may come from anybody. `wanting`: too few bytes to tell. `other`: no
 * ClientHello of TLS, or none that fits in `maxClientHelloBytes`; what to answer to that is the TLS server's to know.
 */
export type ClientHello = { kind: "wanting" } | { kind: "other" } | { kind: "hello"; serverName: string | null };

/** Of the records together. With post-quantum keys one has 2 KB; the rest is room for what comes after us. */
export const maxClientHelloBytes = 16 * 1024;

const [handshakeRecord, clientHello, serverNameExtension, hostName] = [22, 1, 0, 0];
const [recordHeaderBytes, messageHeaderBytes, versionAndRandomBytes] = [5, 4, 34];
/** RFC 8446, 5.1. */
const maxRecordBytes = 16_384;

const [wanting, other] = [{ kind: "wanting" }, { kind: "other" }] as const;

/** Reads the TLS name that a client asks for (RFC 8446, 4.1.2; RFC 6066, 3), in lower case. `bytes`: all since the connection began. */
export function readClientHello(bytes: Buffer): ClientHello {
  const message = joinRecords(bytes);
  if (message === null) return other;
  if (message.length > 0 && message[0] !== clientHello) return other;
  if (message.length < messageHeaderBytes) return tooFew(bytes);
  const end = messageHeaderBytes + message.readUIntBE(1, 3);
  if (end > maxClientHelloBytes) return other;
  if (message.length < end) return tooFew(bytes);
  try {
    return { kind: "hello", serverName: readServerName(message.subarray(messageHeaderBytes, end)) };
  } catch (error) {
    // A length that points behind the end.
    if (error instanceof RangeError) return other;
    throw error;
  }
}

/** Bounded also where records carry next to nothing each. */
function tooFew(bytes: Buffer): ClientHello {
  return bytes.length > maxClientHelloBytes ? other : wanting;
}

/** What the records carry, as far as it is there; null where they are no records of a handshake. */
function joinRecords(bytes: Buffer): Buffer | null {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== handshakeRecord || (at + 1 < bytes.length && bytes[at + 1] !== 3)) return null;
    if (at + recordHeaderBytes > bytes.length) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > maxRecordBytes) return null;
    const start = at + recordHeaderBytes;
    parts.push(bytes.subarray(start, Math.min(start + length, bytes.length)));
    at = start + length;
  }
  // All of it is in one record, nearly always.
  return parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts);
}

/** Throws a RangeError where a length does not fit. */
function readServerName(body: Buffer): string | null {
  const hello = reader(body);
  hello.skip(versionAndRandomBytes);
  hello.take(1); // session ID
  hello.take(2); // cipher suites
  hello.take(1); // compression methods
  // TLS 1.2 may leave the extensions out.
  if (hello.isAtEnd()) return null;
  const extensions = reader(hello.take(2));
  while (!extensions.isAtEnd()) {
    const type = extensions.number(2);
    const content = extensions.take(2);
    if (type !== serverNameExtension) continue;
    const names = reader(reader(content).take(2));
    while (!names.isAtEnd()) {
      const kind = names.number(1);
      const name = names.take(2);
      if (kind === hostName) return name.toString("latin1").toLowerCase();
    }
    return null;
  }
  return null;
}

function reader(bytes: Buffer) {
  let at = 0;
  const skip = (count: number) => {
    if (at + count > bytes.length) throw new RangeError("a length points behind the end");
    at += count;
  };
  const number = (size: number) => {
    skip(size);
    return bytes.readUIntBE(at - size, size);
  };
  return {
    isAtEnd: () => at === bytes.length,
    skip,
    number,
    /** The bytes that follow a length of `lengthSize` bytes. */
    take(lengthSize: number): Buffer {
      const length = number(lengthSize);
      skip(length);
      return bytes.subarray(at - length, at);
    },
  };
}
