/** A browser without a window for tests: Chromium, by its DevTools protocol over a WebSocket. */
import { until, within } from "./client.ts";

/** Where it is on Debian, if it is there. */
const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const found = PROGRAMS.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** Why there is no browser; null if there is one. */
export const noBrowser: string | null = found ? null : "no Chromium is installed";

const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...["--remote-debugging-port=0", "--js-flags=--expose-gc", "about:blank"],
];

interface Answer {
  readonly id?: number;
  readonly method?: string;
  // deno-lint-ignore no-explicit-any -- each method has its own
  readonly params?: any;
  // deno-lint-ignore no-explicit-any -- each method has its own
  readonly result?: any;
  readonly error?: { readonly message: string };
}

/** One page of a browser of its own. */
export class Browser {
  /** Errors and warnings of its console, and exceptions. */
  readonly complaints: string[] = [];
  /** What it has asked for. */
  readonly requests: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  #id = 0;

  private constructor(child: Deno.ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
  }

  static async start(): Promise<Browser> {
    const folder = await Deno.makeTempDir();
    const child = new Deno.Command(found!, {
      args: [`--user-data-dir=${folder}`, ...FLAGS],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    let port = "";
    await until("the browser", () => {
      try {
        port = Deno.readTextFileSync(`${folder}/DevToolsActivePort`).split("\n")[0];
      } catch {
        return false;
      }
      return port !== "";
    });
    let url: string | undefined;
    await until("its page", async () => {
      const all = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
      url = all.find(({ type }: { type: string }) => type === "page")?.webSocketDebuggerUrl;
      return url !== undefined;
    });
    const socket = new WebSocket(url!);
    await within("its protocol", new Promise((resolve) => socket.onopen = resolve));
    const browser = new Browser(child, folder, socket);
    for (const domain of ["Page", "Runtime", "Log", "Network", "Performance"]) {
      await browser.send(`${domain}.enable`);
    }
    return browser;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.send("Browser.close").catch(() => {});
    await within("the browser's end", this.#child.status);
    await within("the end of its protocol", closed);
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }

  /** Calls a method of the protocol. */
  // deno-lint-ignore no-explicit-any -- each method has its own result
  async send(method: string, params: object = {}): Promise<any> {
    const id = ++this.#id;
    const answer = Promise.withResolvers<Answer>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result, error } = await within(method, answer.promise);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async open(url: string): Promise<void> {
    await this.send("Page.navigate", { url });
  }

  /** The value of an expression in the page. */
  // deno-lint-ignore no-explicit-any -- the expression's
  async value(expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** How wide and high the page is, and whether in dark. */
  async look(width: number, height: number, dark: boolean): Promise<void> {
    await this.send("Emulation.setDeviceMetricsOverride", {
      ...{ width, height, deviceScaleFactor: 1, mobile: width < 500 },
    });
    await this.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
  }

  /** The page as a PNG. */
  async screenshot(): Promise<Uint8Array> {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  }

  #take({ id, method, params, result, error }: Answer): void {
    if (id !== undefined) {
      this.#waiting.get(id)?.resolve({ result, error });
      this.#waiting.delete(id);
    } else if (method === "Runtime.exceptionThrown") {
      this.complaints.push(params.exceptionDetails.exception?.description ?? "exception");
    } else if (method === "Log.entryAdded" && params.entry.level !== "info") {
      this.complaints.push(params.entry.text);
    } else if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
  }
}
