// "@std/cli/parse-args", for the same reason.
export * from "deno-std/cli/parse_args.js";
