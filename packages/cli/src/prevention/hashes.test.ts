import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { parseHashSources, readHashes } from "./hashes.ts";

const sha256 = "830195824b742ee59390bc5b9302688c778fc95a64e7d597e28a74c03a04dd63";
const md5 = "d8e577bf078c45954f4531885478d5a9";
const noStdin = Readable.from([]);

test("hashes are told apart by length, stored lower and merged", async () => {
  const sources = parseHashSources([sha256.toUpperCase(), md5, sha256]);
  assert.deepEqual(await readHashes(sources, noStdin), [
    { algorithm: "sha256", hash: sha256 },
    { algorithm: "md5", hash: md5 },
  ]);
});

test("a list may come from a file or standard input, as sha256sum prints it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "cordon-hashes-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "banned.txt");
  await writeFile(file, `# bad\r\n\r\n${sha256}  /tmp/bad file\r\n`);
  const read = await readHashes(parseHashSources([`@${file}`, "-"]), Readable.from([`${md5} *x\n`]));
  assert.deepEqual(
    read.map(({ hash }) => hash),
    [sha256, md5],
  );
});

test("what is no hash is refused with its place", async () => {
  assert.throws(() => parseHashSources(["abc"]), { failureCode: "USAGE", message: /64 hex digits.*"abc"/ });
  await assert.rejects(readHashes(parseHashSources(["-"]), Readable.from([`${md5}\nxyz\n`])), {
    failureCode: "USAGE",
    message: /standard input, line 2: .*"xyz"/,
  });
});
