/**
 * The numbers of the C library's header files that Trivet uses, by system.
 * Linux: the same on x86-64 and arm64, glibc and musl (asm-generic). macOS:
 * from its headers, untested.
 * @module
 */

/** The numbers of one system. */
export interface Constants {
  readonly AF_UNIX: number;
  readonly AF_INET: number;
  readonly AF_INET6: number;
  readonly SOCK_STREAM: number;
  /** For `socket`, `socketpair` and `accept4`; 0 where they take no flags. */
  readonly SOCK_CLOEXEC: number;
  readonly SOCK_NONBLOCK: number;
  readonly O_CLOEXEC: number;
  readonly SOL_SOCKET: number;
  readonly SO_REUSEADDR: number;
  readonly SO_TYPE: number;
  readonly SO_ERROR: number;
  readonly SO_ACCEPTCONN: number;
  readonly SO_KEEPALIVE: number;
  readonly SO_LINGER: number;
  readonly SO_RCVTIMEO: number;
  readonly SO_SNDTIMEO: number;
  /** 0 where sockets have no filters. */
  readonly SO_ATTACH_FILTER: number;
  readonly IPV6_V6ONLY: number;
  readonly TCP_NODELAY: number;
  /** 0 where it does not tell a listening socket's queue. */
  readonly TCP_INFO: number;
  /** 0 where it is not used: ioctl(2) takes its arguments in other ways there. */
  readonly SIOCOUTQ: number;
  readonly RLIMIT_NOFILE: number;
  readonly MSG_NOSIGNAL: number;
  readonly MSG_DONTWAIT: number;
  /** Bytes before `sun_path`'s end: the longest path is one shorter. */
  readonly SUN_PATH: number;
  /** BSD's addresses begin with a byte for their length. */
  readonly ADDRESS_HAS_LENGTH: boolean;
  /** The function that tells where errno is. */
  readonly ERRNO: "__errno_location" | "__error";
  readonly CODES: Readonly<Record<number, string>>;
}

const COMMON_CODES = {
  1: "EPERM",
  2: "ENOENT",
  4: "EINTR",
  9: "EBADF",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  20: "ENOTDIR",
  22: "EINVAL",
  23: "ENFILE",
  24: "EMFILE",
  30: "EROFS",
  32: "EPIPE",
};

/** The numbers for Linux. */
export const LINUX: Constants = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_CLOEXEC: 0o2000000,
  SOCK_NONBLOCK: 0o4000,
  O_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_ERROR: 4,
  SO_ACCEPTCONN: 30,
  SO_KEEPALIVE: 9,
  SO_LINGER: 13,
  SO_RCVTIMEO: 20,
  SO_SNDTIMEO: 21,
  SO_ATTACH_FILTER: 26,
  IPV6_V6ONLY: 26,
  TCP_NODELAY: 1,
  TCP_INFO: 11,
  SIOCOUTQ: 0x5411,
  RLIMIT_NOFILE: 7,
  MSG_NOSIGNAL: 0x4000,
  MSG_DONTWAIT: 0x40,
  SUN_PATH: 108,
  ADDRESS_HAS_LENGTH: false,
  ERRNO: "__errno_location",
  CODES: {
    ...COMMON_CODES,
    11: "EAGAIN",
    64: "ENONET",
    71: "EPROTO",
    88: "ENOTSOCK",
    92: "ENOPROTOOPT",
    95: "EOPNOTSUPP",
    97: "EAFNOSUPPORT",
    98: "EADDRINUSE",
    99: "EADDRNOTAVAIL",
    100: "ENETDOWN",
    101: "ENETUNREACH",
    103: "ECONNABORTED",
    104: "ECONNRESET",
    105: "ENOBUFS",
    107: "ENOTCONN",
    110: "ETIMEDOUT",
    111: "ECONNREFUSED",
    112: "EHOSTDOWN",
    113: "EHOSTUNREACH",
    115: "EINPROGRESS",
  },
};

/** The numbers for macOS; untested. */
export const DARWIN: Constants = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 30,
  SOCK_STREAM: 1,
  SOCK_CLOEXEC: 0,
  SOCK_NONBLOCK: 0,
  O_CLOEXEC: 0x1000000,
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 4,
  SO_TYPE: 0x1008,
  SO_ERROR: 0x1007,
  SO_ACCEPTCONN: 2,
  SO_KEEPALIVE: 8,
  SO_LINGER: 0x80,
  SO_RCVTIMEO: 0x1006,
  SO_SNDTIMEO: 0x1005,
  SO_ATTACH_FILTER: 0,
  IPV6_V6ONLY: 27,
  TCP_NODELAY: 1,
  TCP_INFO: 0,
  SIOCOUTQ: 0,
  RLIMIT_NOFILE: 8,
  MSG_NOSIGNAL: 0x80000,
  MSG_DONTWAIT: 0x80,
  SUN_PATH: 104,
  ADDRESS_HAS_LENGTH: true,
  ERRNO: "__error",
  CODES: {
    ...COMMON_CODES,
    35: "EAGAIN",
    36: "EINPROGRESS",
    38: "ENOTSOCK",
    42: "ENOPROTOOPT",
    47: "EAFNOSUPPORT",
    48: "EADDRINUSE",
    49: "EADDRNOTAVAIL",
    50: "ENETDOWN",
    51: "ENETUNREACH",
    53: "ECONNABORTED",
    54: "ECONNRESET",
    55: "ENOBUFS",
    57: "ENOTCONN",
    60: "ETIMEDOUT",
    61: "ECONNREFUSED",
    64: "EHOSTDOWN",
    65: "EHOSTUNREACH",
    100: "EPROTO",
    102: "EOPNOTSUPP",
  },
};
