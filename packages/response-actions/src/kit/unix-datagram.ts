/** Datagrams to a UNIX socket, which Node itself cannot send. */

const addressFamilyUnix = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC. */
const datagramSocket = 2 | 0o2000000;
/** MSG_NOSIGNAL | MSG_DONTWAIT: a reader that is stuck must not hold the caller up. */
const sendFlags = 0x4000 | 0x40;
const maxPathBytes = 107;

export type UnixDatagrams = {
  /** Null: it is on its way. Otherwise why not, as an errno (`EAGAIN` 11: the reader does not keep up). */
  send(text: string): number | null;
};

/** To the socket at `path`; one that starts with `@` is an abstract name. Throws where the C library cannot be called. */
export async function openUnixDatagrams(path: string): Promise<UnixDatagrams> {
  const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : path);
  if (name.length > maxPathBytes) throw new Error(`${path} is too long for a socket`);
  // Loaded only where it is needed: it takes memory.
  const { default: koffi } = await import("koffi");
  const library = koffi.load(null);
  const openSocket = library.func("int socket(int domain, int type, int protocol)");
  const sendTo = library.func(
    "intptr_t sendto(int fd, const void *text, size_t length, int flags, const void *address, uint32_t addressLength)",
  );
  const address = Buffer.alloc(2 + name.length + (path.startsWith("@") ? 0 : 1));
  address.writeUInt16LE(addressFamilyUnix, 0);
  name.copy(address, 2);
  const socket: number = openSocket(addressFamilyUnix, datagramSocket, 0);
  if (socket < 0) throw new Error(`no UNIX socket could be made: errno ${koffi.errno()}`);
  return {
    send(text) {
      const bytes = Buffer.from(text);
      const sent: number = sendTo(socket, bytes, bytes.length, sendFlags, address, address.length);
      return sent < 0 ? koffi.errno() : null;
    },
  };
}
