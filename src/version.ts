/** The version, the same as in deno.json.
 * @module
 */

/** The version of Trivet. */
export const VERSION = "0.1.0";
