/**
 * The debugger's port is this process's: a worker that is told to take it cannot
 * (Node 26.10 writes that), or does not start at all (Bun 1.4).
 * @module
 */

type Environment = Record<string, string | undefined>;

/** An option of Node's for its inspector, within NODE_OPTIONS. */
const OPTION = /(^|\s)--inspect(-[a-z-]+)?(=\S*|(?<=-port)\s+\S+)?(?=\s|$)/g;

/** The environment for a worker process, without what would open the inspector there. */
export function withoutInspector(environment: Environment): Environment {
  const { BUN_INSPECT: _, NODE_OPTIONS: options, ...others } = environment;
  return options === undefined ? others : { ...others, NODE_OPTIONS: options.replace(OPTION, "") };
}
