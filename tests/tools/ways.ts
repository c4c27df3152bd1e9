/** Each model, and each way for clients to reach its workers. */
export const WAYS: Record<string, string[]> = {
  multiplex: ["--model", "multiplex"],
  thread: ["--model", "thread"],
  process: ["--model", "process"],
  "process --no-fork": ["--model", "process", "--no-fork"],
  "multiplex --workers": ["--model", "multiplex", "--workers", "2"],
  "process --hand-over": ["--model", "process", "--hand-over"],
};
