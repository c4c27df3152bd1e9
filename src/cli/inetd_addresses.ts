/**
 * The ends of a connection as whoever accepted it tells them: systemd's variables, and
 * those of UCSPI (https://cr.yp.to/proto/ucspi-tcp.txt).
 * @module
 */
import type { TcpAddress } from "../connection/connection.ts";

/** The variables of an end, where a later one counts if an earlier one is not set. */
const NAMES = {
  remote: [["REMOTE_ADDR", "REMOTE_PORT"], ["TCPREMOTEIP", "TCPREMOTEPORT"]],
  local: [["TCPLOCALIP", "TCPLOCALPORT"]],
} as const;

/** The address of an end; null where the environment tells none. */
export function toldAddress(
  end: keyof typeof NAMES,
  env: (name: string) => string | undefined,
): TcpAddress | null {
  for (const [ip, number] of NAMES[end]) {
    const hostname = env(ip) ?? "";
    const port = env(number) ?? "";
    if (isNumeric(hostname) && /^\d{1,5}$/.test(port) && Number(port) < 65536) {
      return { transport: "tcp", hostname, port: Number(port) };
    }
  }
  return null;
}

/** Whether it is an IP address: anything else could be a name, or a path. */
function isNumeric(text: string): boolean {
  if (text.includes(":")) return URL.canParse(`http://[${text.split("%")[0]}]`);
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) &&
    text.split(".").every((part) => Number(part) < 256);
}
