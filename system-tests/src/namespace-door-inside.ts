/** The half of `namespace-door.ts` that runs inside the namespace: `node namespace-door-inside.ts <socket> <port>`. */
import { connect, createServer } from "node:net";

const [path = "", port = ""] = process.argv.slice(2);
createServer((outer) => {
  const inner = connect(Number(port), "127.0.0.1");
  outer.pipe(inner);
  inner.pipe(outer);
  outer.on("error", () => inner.destroy());
  inner.on("error", () => outer.destroy());
}).listen(path, () => process.stdout.write("listening\n"));
