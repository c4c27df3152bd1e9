/**
 * Who may be a client, by where it comes from: the last prelude, because a PROXY header may
 * say that.
 * @module
 */
import { Networks } from "../connection/networks.ts";
import { type Prelude, Refused } from "./prelude.ts";

/** Networks, see `Networks`; plain values, so that a worker can be told. */
export interface AccessSettings {
  /** Who may be a client; empty: everybody whom `deny` does not name. */
  readonly allow: readonly string[];
  /** Who may not, also where `allow` names it. */
  readonly deny: readonly string[];
}

/** Refuses whoever may not be a client. */
export function accessPrelude({ allow, deny }: AccessSettings): Prelude {
  const [allowed, denied] = [new Networks(allow), new Networks(deny)];
  return {
    timeout: 0,
    refusal: "denied",
    run({ remoteAddr }) {
      const mayBe = (allow.length === 0 || allowed.has(remoteAddr)) && !denied.has(remoteAddr);
      return mayBe ? Promise.resolve({}) : Promise.reject(new Refused("denied"));
    },
  };
}
