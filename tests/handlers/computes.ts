/** Echoes; `compute PATH` computes, in one go, until there is a file at PATH. */
import { existsSync } from "node:fs";
import type { Connection } from "../../mod.ts";

export default async function (connection: Connection): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let length; (length = await connection.read(buffer)) !== null;) {
    const bytes = buffer.slice(0, length);
    const [, path] = /^compute (.+)/.exec(new TextDecoder().decode(bytes)) ?? [];
    while (path && !existsSync(path));
    await connection.write(bytes);
  }
}
