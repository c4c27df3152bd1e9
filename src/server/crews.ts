/**
 * How many workers a server has: each crew of the models' table.
 * @module
 */
import type { SupervisorSettings } from "../supervisor/supervisor_settings.ts";
import type { Entrance } from "./entrance.ts";
import type { Workers } from "./models.ts";
import type { Settings } from "./settings.ts";

type Crew = Pick<SupervisorSettings, "spares" | "limit" | "queueLength">;

/** The crews by name; `limit` is the most connections. */
export const CREWS: Record<
  Workers["crew"],
  (settings: Settings, entrance: Entrance, limit: number) => Crew
> = {
  spare: ({ spares, refuses }, entrance, limit) => ({
    spares: Math.min(spares, limit),
    // One more, when all are busy, has the time to refuse clients.
    limit: limit + (refuses && entrance.sockets === "shared" ? 1 : 0),
    queueLength: () => entrance.queueLength(),
  }),
  // Those that leave may have connections for long, and stand in nobody's way.
  fixed: ({ workers }) => ({ spares: workers, limit: Infinity, queueLength: () => 0 }),
};
