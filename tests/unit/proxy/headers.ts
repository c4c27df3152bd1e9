/** Headers of all kinds, written by hand, and what each says. */
export const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";

/** A header of version 2. */
export function v2(command: number, family: number, rest: string): string {
  const length = String.fromCharCode(rest.length >> 8, rest.length & 255);
  return SIGNATURE + String.fromCharCode(command, family) + length + rest;
}

export function tlv(type: number, value: string): string {
  return String.fromCharCode(type, value.length >> 8, value.length & 255) + value;
}

/** 192.0.2.7:51234 has called 198.51.100.1:443. */
export const BLOCK4 = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xc8\x22\x01\xbb";
const HOST6 = "\x20\x01\x0d\xb8" + "\0".repeat(11);
export const BLOCK6 = HOST6 + "\x07" + HOST6 + "\x01\xc8\x22\x01\xbb";
export const PATHS = "/run/a.sock".padEnd(108, "\0") + "/run/b".padEnd(108, "\0");

/** What HAProxy tells of TLS. */
export const SSL = tlv(
  0x20,
  "\x03\0\0\0\0" + tlv(0x21, "TLSv1.3") + tlv(0x22, "example.com") +
    tlv(0x23, "TLS_AES_256_GCM_SHA384") + tlv(0x24, "SHA256") + tlv(0x25, "RSA2048"),
);
const TLVS = tlv(0x01, "h2") + tlv(0x02, "www.example") + tlv(0x04, "pad") + tlv(0x05, "id-1") +
  SSL + tlv(0xea, "\x01vpce-0");

const TCP4 = "192.0.2.7 51234 > 198.51.100.1 443";
const TCP6 = "[2001:db8::7] 51234 > [2001:db8::1] 443";

/** Name, the header, and what it says. */
export const VALID: readonly (readonly [name: string, header: string, says: string])[] = [
  ["v1 TCP4", "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n", TCP4],
  ["v1 TCP6", "PROXY TCP6 2001:DB8::7 2001:db8:0:0::1 51234 443\r\n", TCP6],
  [
    "v1 TCP4 at its longest",
    "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
    "255.255.255.255 65535 > 255.255.255.255 65535",
  ],
  ["v1 with port 0", "PROXY TCP4 0.0.0.0 127.0.0.1 0 0\r\n", "0.0.0.0 0 > 127.0.0.1 0"],
  // HAProxy writes so where its client came by IPv4 and it was called by IPv6.
  [
    "v1 TCP6 with IPv4 in it",
    "PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n",
    "[::ffff:c000:207] 1 > [::1] 2",
  ],
  ["v1 UNKNOWN", "PROXY UNKNOWN\r\n", "local"],
  ["v1 UNKNOWN with more", "PROXY UNKNOWN ff:: x\ry\nz  65535\r\n", "local"],
  ["v1 UNKNOWN at its longest", `PROXY UNKNOWN ${"f".repeat(91)}\r\n`, "local"],
  ["v2 LOCAL", v2(0x20, 0, ""), "local"],
  ["v2 LOCAL with addresses, as a balancer sends it", v2(0x20, 0x11, BLOCK4), "local"],
  ["v2 LOCAL with what is nothing", v2(0x20, 0xff, "\xff\xff\xff"), "local"],
  ["v2 UNSPEC", v2(0x21, 0, "whatever"), "local"],
  ["v2 TCP4", v2(0x21, 0x11, BLOCK4), TCP4],
  ["v2 TCP6", v2(0x21, 0x21, BLOCK6), TCP6],
  ["v2 Unix", v2(0x21, 0x31, PATHS), "unix /run/a.sock > unix /run/b"],
  ["v2 Unix without paths", v2(0x21, 0x31, "\0".repeat(216)), "unix  > unix "],
  ["v2 TCP4 with values", v2(0x21, 0x11, BLOCK4 + TLVS), TCP4],
  ["v2 TCP6 with values", v2(0x21, 0x21, BLOCK6 + TLVS), TCP6],
  // Its checksum was made by a program in another language.
  [
    "v2 TCP4 with a checksum",
    v2(0x21, 0x11, BLOCK4 + tlv(3, "\xeb\x2d\xed\xbc") + tlv(0xea, "x")),
    TCP4,
  ],
  ["v2 at its longest", v2(0x21, 0x11, BLOCK4 + tlv(0xe0, "x".repeat(4065))), TCP4],
];

/** Name, and what is none. */
export const INVALID: readonly (readonly [name: string, header: string])[] = [
  ["another protocol", "GET / HTTP/1.1\r\n"],
  ["TLS", "\x16\x03\x01\x02\0"],
  ["another case", "proxy TCP4 192.0.2.7 198.51.100.1 51234 443\r\n"],
  ["v1 with two spaces", "PROXY  TCP4 192.0.2.7 198.51.100.1 51234 443\r\n"],
  ["v1 with two spaces later", "PROXY TCP4 192.0.2.7  198.51.100.1 51234 443\r\n"],
  ["v1 with a space at its end", "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443 \r\n"],
  ["v1 with a tab", "PROXY\tTCP4 192.0.2.7 198.51.100.1 51234 443\r\n"],
  ["v1 with LF alone", "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\n" + "x".repeat(70)],
  ["v1 with CR alone", "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\rx\r\n"],
  ["v1 with a leading zero", "PROXY TCP4 192.0.2.07 198.51.100.1 51234 443\r\n"],
  ["v1 with a port's leading zero", "PROXY TCP4 192.0.2.7 198.51.100.1 051 443\r\n"],
  ["v1 with a port that is too large", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n"],
  ["v1 with a negative port", "PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n"],
  ["v1 without a port", "PROXY TCP4 192.0.2.7 198.51.100.1 443\r\n"],
  ["v1 with IPv6 in TCP4", "PROXY TCP4 ::1 ::1 1 2\r\n"],
  ["v1 with IPv4 in TCP6", "PROXY TCP6 192.0.2.7 ::1 1 2\r\n"],
  ["v1 with three numbers", "PROXY TCP4 192.0.7 198.51.100.1 1 2\r\n"],
  ["v1 with 256", "PROXY TCP4 256.0.2.7 198.51.100.1 1 2\r\n"],
  ["v1 with ::: in it", "PROXY TCP6 1:::2 ::1 1 2\r\n"],
  ["v1 with two ::", "PROXY TCP6 1::2::3 ::1 1 2\r\n"],
  ["v1 with nine groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n"],
  ["v1 with :: for nothing", "PROXY TCP6 1:2:3:4::5:6:7:8 ::1 1 2\r\n"],
  ["v1 with seven groups", "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n"],
  ["v1 with five digits", "PROXY TCP6 00001:: ::1 1 2\r\n"],
  ["v1 with a zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"],
  ["v1 with UDP4", "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n"],
  ["v1 with UNKNOWNX", "PROXY UNKNOWNX\r\n"],
  ["v1 with nothing", "PROXY \r\n"],
  ["v1 that is too long", `PROXY UNKNOWN ${"f".repeat(92)}\r\n`],
  ["v2 with version 1", v2(0x11, 0x11, BLOCK4)],
  ["v2 with version 3", v2(0x31, 0x11, BLOCK4)],
  ["v2 with another command", v2(0x22, 0x11, BLOCK4)],
  ["v2 of datagrams", v2(0x21, 0x12, BLOCK4)],
  ["v2 of IPv6 datagrams", v2(0x21, 0x22, BLOCK6)],
  ["v2 of Unix datagrams", v2(0x21, 0x32, PATHS)],
  ["v2 with another family", v2(0x21, 0x41, BLOCK4)],
  ["v2 with another protocol", v2(0x21, 0x13, BLOCK4)],
  ["v2 without its addresses", v2(0x21, 0x11, BLOCK4.slice(1))],
  ["v2 with IPv4's addresses for IPv6", v2(0x21, 0x21, BLOCK4)],
  ["v2 that is too long", v2(0x21, 0x11, BLOCK4 + tlv(0xe0, "x".repeat(4066)))],
  ["v2 with half of a value's head", v2(0x21, 0x11, BLOCK4 + "\x02\0")],
  ["v2 with a value that is too long", v2(0x21, 0x11, BLOCK4 + "\x02\0\x05abcd")],
  ["v2 with a wrong checksum", v2(0x21, 0x11, BLOCK4 + tlv(3, "abcd"))],
  ["v2 with a checksum of three bytes", v2(0x21, 0x11, BLOCK4 + tlv(3, "abc"))],
  ["v2 with a unique id that is too long", v2(0x21, 0x11, BLOCK4 + tlv(5, "x".repeat(129)))],
  ["v2 with too little of TLS", v2(0x21, 0x11, BLOCK4 + tlv(0x20, "\x01\0\0\0"))],
  ["v2 with half of what is told of TLS", v2(0x21, 0x11, BLOCK4 + tlv(0x20, "\x01\0\0\0\0!"))],
];
