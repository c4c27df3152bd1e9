// The shortest echo server that Deno's own API allows: what the models are compared to.
const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(Deno.args[0]) });
for await (const conn of listener) {
  conn.setNoDelay(true);
  echo(conn).catch(() => {});
}

async function echo(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    for (let done = 0; done < n;) done += await conn.write(buffer.subarray(done, n));
  }
  conn.close();
}
