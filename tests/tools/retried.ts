/** What a pause of the machine may spoil. */

/** What comes of it when it succeeds, which it must within some tries. */
export async function retried<T>(attempt: () => Promise<T>, tries = 5): Promise<T> {
  for (; tries > 1; tries--) {
    try {
      return await attempt();
    } catch {
      // The last try says why.
    }
  }
  return await attempt();
}
