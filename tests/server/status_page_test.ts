/** The page of a server's status, in a real browser. */
import { assertEquals, assertMatch } from "@std/assert";
import { Browser, noBrowser } from "../tools/browser.ts";
import { Client, greeted, until } from "../tools/client.ts";
import { Command } from "../tools/command.ts";

/** An address of this process's own: between two servers nobody takes the port. */
const PLACE = `127.1.${Deno.pid >> 8 & 255}.${Deno.pid & 255}:8005`;

const HANDLER = `export default () => { throw new Error("<img src=x onerror=alert(1)>"); };`;

Deno.test({
  name: `the status page shows who is there, survives the server, and grows no more${
    noBrowser ? ` (${noBrowser})` : ""
  }`,
  ignore: noBrowser !== null,
  async fn() {
    await using browser = await Browser.start();
    const is = (what: string, expression: string) =>
      until(what, async () => await browser.value(expression) === true);
    const has = (id: string, text: string) =>
      is(
        `#${id} to have ${text}`,
        `document.getElementById("${id}")?.textContent.includes("${text}") === true`,
      );

    // A silent client, and who waits behind it.
    let command = new Command([
      "serve",
      "--port",
      "0",
      "--model",
      "iterative",
      "--status",
      PLACE,
    ]);
    const url = `http://${PLACE}/`;
    const address = await command.ready();
    const clients = [await greeted(address)];
    while (clients.length < 4) clients.push(await Client.open(address));
    await browser.open(url);
    await has("words", `127.0.0.1:${clients[0].socket.localPort} is served`);
    await has("words", "3 clients wait behind it");
    await is("the queue", `document.querySelectorAll(".queue .place").length === 3`);
    await has("oldest", "reads");

    // No worker is there, as while those of a broken handler wait to be started again.
    for (const [model, each] of [["process", "one"], ["multiplex", "many"]]) {
      const words = await browser.value(`fetch("/status.json").then((r) => r.json()).then((s) => {
        const none = { each: "${each}", workers: [], connections: [], open: 0, scoreboard: "" };
        render({ ...s, model: "${model}", ready: false, ...none });
        return document.getElementById("state").textContent + document.getElementById("words").textContent;
      })`);
      assertMatch(String(words), /^no worker is ready(No process|0 loops)/);
    }

    // It is gone, and another one comes with what a handler has said.
    await Client.closeAll();
    command.child.kill("SIGTERM");
    await command.exit();
    await has("state", "not reachable since");
    const handler = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(handler, HANDLER);
    command = new Command(["serve", "--port", "0", "--status", PLACE, "--handler", handler]);
    const thrower = await Client.open(await command.ready());
    await thrower.receiveAll().catch(() => {}); // a reset
    await has("state", "serving");
    await has("troubles", "<img src=x");
    assertEquals(await browser.value(`document.querySelectorAll("img").length`), 0);
    await Client.closeAll();
    command.child.kill("SIGTERM");
    await command.exit();
    await Deno.remove(handler);

    // Many connections, and many new ones: elements are used again.
    command = new Command(["serve", "--port", "0", "--status", PLACE, "--log", "none"]);
    const many = await command.ready();
    for (let i = 0; i < 1000; i++) await greeted(many);
    await is("1,000 places", `document.querySelectorAll("#scene .place").length >= 1000`);
    const { JSHeapUsedSize: _, ...rest } = await sizes(browser);
    const nodes = rest.Nodes;
    for (let i = 0; i < 1000; i++) (await Client.open(many)).socket.destroy();
    await until(
      "all have ended",
      async () =>
        await browser.value(
          `document.getElementById("figures").textContent.includes("2,000 in all")`,
        ),
    );
    await browser.value("new Promise((resolve) => setTimeout(resolve, 2500))");
    await until(`about ${nodes} nodes again, and less than 30 MB`, async () => {
      const after = await sizes(browser);
      return after.Nodes < nodes * 1.2 + 200 && after.JSHeapUsedSize < 30e6;
    });

    // Readable in the narrowest window, and by others than eyes.
    await browser.look(400, 800, true);
    await is("no sideways scrolling", "document.documentElement.scrollWidth <= 400");
    await is(
      "a label for 1,000 who say nothing",
      `[...document.querySelectorAll("#scene [role=img]")].map((e) => e.getAttribute("aria-label"))
        .join().includes("1,000 × waits for its client to say something")`,
    );

    const elsewhere = browser.requests.filter((asked) =>
      !asked.startsWith(url) && asked !== "data:,"
    );
    assertEquals(elsewhere, []);
    const wrong = browser.complaints.filter((text) =>
      !/net::ERR_(CONNECTION|EMPTY_RESPONSE)/.test(text)
    );
    assertEquals(wrong, []);
    await Client.closeAll();
    command.child.kill("SIGTERM");
    await command.exit();
  },
});

/** How much there is, after what nobody needs is given back. */
async function sizes(browser: Browser): Promise<Record<string, number>> {
  await browser.send("HeapProfiler.collectGarbage");
  const { metrics } = await browser.send("Performance.getMetrics");
  return Object.fromEntries(
    metrics.map(({ name, value }: { name: string; value: number }) => [name, value]),
  );
}
