/**
 * Certificates to test TLS with: an authority that openssl keeps in a temporary folder, and
 * what it has issued. Make one for a test file; a certificate takes some 20 ms.
 */
import { assertEquals } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { within } from "./client.ts";

const isMissing = ((): boolean => {
  try {
    return !new Deno.Command("openssl", { args: ["version"] }).outputSync().success;
  } catch {
    return true;
  }
})();

/** Why there are no certificates here; null if there are. Of a test: `ignore: noOpenssl !== null`. */
export const noOpenssl: string | null = isMissing ? "openssl is not installed" : null;

const DAY = 24 * 3600 * 1000;

/** The paths of a certificate and its key, PEM both. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says beside its name. */
export interface IssueOptions {
  /** Its alternative names: a name stands for `DNS:…`, an address for `IP:…`; by default none. */
  readonly names?: readonly string[];
  /** Days until it begins; before today with a minus. @default {-1} */
  readonly from?: number;
  /** Days until it ends: -1 for one that has expired yesterday. @default {365} */
  readonly until?: number;
}

/** Runs openssl, which must succeed; returns what it has written. */
export function openssl(...args: string[]): string {
  const { code, stdout, stderr } = new Deno.Command("openssl", { args, stdin: "null" })
    .outputSync();
  const decoder = new TextDecoder();
  assertEquals(code, 0, `openssl ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** An authority: `using authority = new Authority()`. All its files go with it. */
export class Authority implements Disposable {
  /** Where its files are, for others too. */
  readonly folder: string;
  /** The path of its own certificate. */
  readonly cert: string;
  /** The path of its list of revoked certificates; nobody is on it until `revoke`. */
  readonly crl: string;
  readonly #config: string;
  readonly #key: string;
  #count = 0;

  /** @param name its common name */
  constructor(name = "Test Authority") {
    this.folder = Deno.makeTempDirSync({ prefix: "trivet_ca_" });
    this.cert = this.path("ca.pem");
    this.crl = this.path("crl.pem");
    this.#key = this.path("ca.key");
    this.#config = this.path("openssl.cnf");
    Deno.writeTextFileSync(this.path("index"), "");
    Deno.writeTextFileSync(this.#config, config(this.folder));
    openssl(
      ...["req", "-config", this.#config, "-x509", "-extensions", "authority", "-days", "3650"],
      ...["-subj", `/CN=${name}`, ...NEW_KEY, "-keyout", this.#key, "-out", this.cert],
    );
    this.#list();
  }

  /** The path of a file in its folder. */
  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** A new certificate, for servers and clients alike, with a key of its own. */
  issue(name: string, { names = [], from = -1, until = 365 }: IssueOptions = {}): Issued {
    const base = this.path(`${this.#count++}`);
    const [cert, key, csr, extensions] = ["pem", "key", "csr", "ext"].map((end) =>
      `${base}.${end}`
    );
    const all = names.map((each) => `${/^[\d.]+$|:/.test(each) ? "IP" : "DNS"}:${each}`);
    const lines = ["basicConstraints = CA:FALSE"];
    if (all.length > 0) lines.push(`subjectAltName = ${all.join(",")}`);
    Deno.writeTextFileSync(extensions, lines.join("\n"));
    openssl(
      ...["req", "-config", this.#config, "-new", "-subj", `/CN=${name}`],
      ...[...NEW_KEY, "-keyout", key, "-out", csr],
    );
    openssl(
      ...["ca", "-config", this.#config, "-batch", "-notext", "-in", csr],
      ...["-extfile", extensions, "-out", cert],
      ...["-startdate", dateAfter(from), "-enddate", dateAfter(until)],
    );
    return { cert, key };
  }

  /** Puts it on the list, which is written anew. */
  revoke({ cert }: Issued): void {
    openssl("ca", "-config", this.#config, "-batch", "-revoke", cert);
    this.#list();
  }

  #list(): void {
    openssl("ca", "-config", this.#config, "-gencrl", "-crldays", "30", "-out", this.crl);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

/** The serial number of a certificate, in hexadecimal as openssl and Trivet show it. */
export function serialOf({ cert }: Pick<Issued, "cert">): string {
  return openssl("x509", "-in", cert, "-noout", "-serial").trim().replace(/^serial=/, "");
}

/**
 * The serial number of the certificate that a server shows, which must be the authority's.
 * @param name whom the client asks for (SNI); without it, nobody
 */
export async function serialShown(
  { cert }: Authority,
  port: number,
  name?: string,
  ...more: string[]
): Promise<string> {
  const sni = name === undefined ? ["-noservername"] : ["-servername", name];
  const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", cert, ...sni, ...more];
  // Its input has ended: so it shakes hands, and goes.
  const output = new Deno.Command("openssl", {
    args: [...args, "-verify_return_error"],
    ...{ stdin: "null", stdout: "piped", stderr: "piped" },
  }).output();
  const { code, stdout, stderr } = await within("a handshake", output);
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const pem = /-----BEGIN CERTIFICATE[^]+?-----END CERTIFICATE-----/
    .exec(new TextDecoder().decode(stdout))![0];
  const { serialNumber } = new X509Certificate(pem);
  // Deno leaves the first zero out (2.9.6).
  return serialNumber.padStart(serialNumber.length + serialNumber.length % 2, "0");
}

/** The path of the same key, encrypted with a passphrase. */
export function encrypted({ key }: Pick<Issued, "key">): string {
  const path = `${key}.encrypted`;
  openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", path);
  return path;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** As ASN.1 has it. */
function dateAfter(days: number): string {
  const date = new Date(Date.now() + days * DAY).toISOString();
  return `${date.replace(/\.\d+/, "").replace(/[-:T]/g, "")}`;
}

function config(folder: string): string {
  return `
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = own
[own]
database = ${folder}/index
new_certs_dir = ${folder}
certificate = ${folder}/ca.pem
private_key = ${folder}/ca.key
default_md = sha256
policy = policy
unique_subject = no
rand_serial = yes
[policy]
commonName = supplied
`;
}
