/**
 * Which of several certificates a client is shown.
 * @module
 */

/**
 * The number of the certificate for a name: the first that has it, else the first with a
 * wildcard for it, which stands for one label (RFC 6125, 6.4.3), else the first.
 * @param names of each certificate, as it has them
 */
export function pickCertificate(
  servername: string | null,
  names: readonly (readonly string[])[],
): number {
  if (servername === null) return 0;
  const name = servername.toLowerCase().replace(/\.$/, "");
  const dot = name.indexOf(".");
  const wildcard = dot < 0 ? null : `*${name.slice(dot)}`;
  const isThere = (wanted: string | null) =>
    names.findIndex((of) => of.some((one) => one.toLowerCase() === wanted));
  const found = [isThere(name), isThere(wildcard)].find((number) => number >= 0);
  return found ?? 0;
}
