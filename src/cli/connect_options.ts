/**
 * The options of `connect`, each declared once.
 * @module
 */
import { standard } from "../server/settings.ts";
import type { Option } from "./options.ts";

/** The options of `connect`. */
export const CONNECT_OPTIONS: readonly Option[] = [
  {
    name: "host",
    value: "HOST",
    default: "127.0.0.1",
    help: "The address or host name to connect to.",
  },
  {
    name: "port",
    value: "PORT",
    range: [1, 65535],
    default: `${standard("port")}`,
    help: "The TCP port.",
  },
  { name: "unix", often: true, value: "PATH", help: "Connect to a Unix-domain socket instead." },
  { name: "tls", often: true, help: "Encrypt, and demand that the server proves who it is." },
  { name: "ca", value: "FILE", help: "Trust the authorities in there (--tls)." },
  { name: "insecure", help: "Take a server that proves nothing (--tls)." },
  { name: "cert", value: "FILE", help: "Show this certificate if asked for one (--tls)." },
  { name: "key", value: "FILE", help: "Its key." },
  {
    name: "proxy-header",
    value: "VERSION",
    choices: ["v1", "v2"],
    help: "Begin with a PROXY header that names this connection's own ends, as a proxy would.",
  },
  { name: "raw", help: "Print NUL bytes on a terminal too." },
  { name: "help", help: "Show this." },
];
