/** Tests that look at the whole process: the test files run in one, beside each other. */
import { assertEquals } from "@std/assert";

const ALONE = "TRIVET_TEST_ALONE";

/**
 * A test that has a process for itself.
 * @param file the test's own, `import.meta.url`
 */
export function testAlone(file: string, name: string, fn: () => void | Promise<void>): void {
  if (Deno.env.has(ALONE)) {
    Deno.test({ name, sanitizeOps: true, sanitizeResources: true, fn });
    return;
  }
  Deno.test(name, async () => {
    const filter = `/^${RegExp.escape(name)}$/`;
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", "--filter", filter, new URL(file).pathname],
      env: { [ALONE]: "1", NO_COLOR: "1" },
    });
    const { code, stdout, stderr } = await command.output();
    const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, output);
    assertEquals(output.match(/\d+ passed/)?.[0], "1 passed", output);
  });
}

/** How many descriptors this process has open. Linux only. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
