/**
 * Trivet serves TCP connections. You write what happens on one connection,
 * once; Trivet runs it for many at the same time, in processes, in threads or
 * on one event loop.
 *
 * @example
 * ```ts
 * import { serve } from "./mod.ts";
 *
 * const server = await serve({ port: 0 }, async (connection) => {
 *   await connection.readable.pipeTo(connection.writable);
 * });
 * await server.shutdown();
 * ```
 * @module
 */
export {
  type Address,
  type Connection,
  formatAddress,
  type Listener,
  type TcpAddress,
  type UnixAddress,
} from "./src/connection/connection.ts";
export type { TlsInfo, TlsPeer } from "./src/connection/tls_info.ts";
export type { ConnectTlsOptions, TlsOptions, TlsVersion } from "./src/connection/tls_options.ts";
export { pipe } from "./src/connection/pipe.ts";
export { TooLong, UnexpectedEnd } from "./src/framing/errors.ts";
export type { FrameForm } from "./src/framing/frame_header.ts";
export { Framed } from "./src/framing/framed.ts";
export type {
  FramedOptions,
  LineOptions,
  Parse,
  Parsed,
  ReadOptions,
} from "./src/framing/options.ts";
export type { Time } from "./src/framing/deadline.ts";
export { encodeProxyHeader, type ProxyHeaderOptions } from "./src/proxy/encode.ts";
export type { ProxyHeader, ProxyInfo, ProxyTls } from "./src/proxy/proxy_header.ts";
export { SystemError } from "./src/connection/errors.ts";
export type { CloseReason, RefusalReason, ServerEvent } from "./src/events.ts";
export { formatEvent, type FormatOptions } from "./src/log/format_event.ts";
export type { Context, Handler, ModelName, Place, WorkerName } from "./src/handler/handler.ts";
export { default as echo } from "./src/handler/echo.ts";
export { connect } from "./src/server/connect.ts";
export type { Server } from "./src/server/base_server.ts";
export type { HandlerModule } from "./src/handler/load_handler.ts";
export { serve } from "./src/server/serve.ts";
export type {
  ConnectOptions,
  ConnectPatience,
  ConnectTcpOptions,
  ConnectUnixOptions,
  ListenOptions,
  ServeOptions,
  ServeTcpOptions,
  ServeUnixOptions,
} from "./src/options.ts";
export type {
  CertificateStatus,
  ConnectionState,
  ConnectionStatus,
  ServerStatus,
  StatusHistory,
  StatusTotals,
  WorkerStatus,
  WorkerStatusState,
} from "./src/status/server_status.ts";
