/** A service manager for tests: it takes down what it is told on NOTIFY_SOCKET. */
import { Libc } from "../../src/posix/libc.ts";
import { encodeAddress } from "../../src/posix/socket_address.ts";
import { runtime } from "../../src/runtimes/deno.ts";
import { until } from "./client.ts";

const SOCK_DGRAM = 2;

export class FakeManager {
  /** What NOTIFY_SOCKET says. */
  readonly place: string;
  readonly #libc = new Libc(runtime);
  readonly #descriptor: number;
  readonly #told: Record<string, string>[] = [];

  /** @param place a path, or `@name` */
  constructor(place: string = Deno.makeTempDirSync() + "/notify") {
    this.place = place;
    const c = this.#libc.constants;
    const { socket, bind } = this.#libc.functions;
    const bytes = encodeAddress({ transport: "unix", path: place }, c);
    const address = place.startsWith("@") ? bytes.fill(0, 2, 3).subarray(0, -1) : bytes;
    this.#descriptor = this.#libc.check(
      "socket",
      socket(c.AF_UNIX, SOCK_DGRAM | c.SOCK_CLOEXEC, 0),
    );
    this.#libc.check("bind", bind(this.#descriptor, address, address.length));
  }

  /** The datagrams so far, each as what it assigns. */
  get told(): readonly Record<string, string>[] {
    const buffer = new Uint8Array(4096);
    const { MSG_DONTWAIT } = this.#libc.constants;
    for (let length; (length = this.#libc.receive(this.#descriptor, buffer, MSG_DONTWAIT));) {
      const text = new TextDecoder().decode(buffer.subarray(0, length));
      const pairs = text.split("\n").map((line) => {
        const at = line.indexOf("=");
        return [line.slice(0, at), line.slice(at + 1)];
      });
      this.#told.push(Object.fromEntries(pairs));
    }
    return this.#told;
  }

  /** The first datagram from number `from` on that assigns this, and its number. */
  async find(name: string, value?: string, from = 0): Promise<[Record<string, string>, number]> {
    let at = -1;
    await until(`${name}=${value ?? "…"}`, () => {
      at = this.told.findIndex((each, i) =>
        i >= from && name in each && (value === undefined || each[name] === value)
      );
      return at >= 0;
    });
    return [this.#told[at], at];
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#descriptor);
    this.#libc.unload();
    if (this.place.startsWith("/")) {
      Deno.removeSync(this.place.slice(0, this.place.lastIndexOf("/")), { recursive: true });
    }
  }
}
