// "@std/net/get-available-port", for the same reason.
export * from "deno-std/net/get_available_port.js";
