// A server that goes wrong in one of the ways that bench must tell apart: FAULT PORT.
const [fault, port] = Deno.args;
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
let messages = 0;
for await (const conn of listener) serve(conn).catch(() => {});

async function serve(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    messages++;
    if (fault === "mute") continue;
    if (fault === "dies" && messages > 100) {
      console.error("out of luck");
      Deno.exit(7);
    }
    const answer = buffer.slice(0, n);
    if (fault === "flips" && messages > 100) answer[n - 2] ^= 1;
    await conn.write(answer);
    if (fault === "doubles" && messages > 100) await conn.write(answer);
  }
  conn.close();
}
