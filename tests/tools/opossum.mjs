// Reads options from stdin, makes a breaker of them, and lets calls fail until it opens.
import { readFileSync } from "node:fs";
import CircuitBreaker from "opossum";

const options = JSON.parse(readFileSync(0, "utf8"));
const breaker = new CircuitBreaker(() => Promise.reject(new Error("down")), options);
let calls = 0;
while (!breaker.opened && calls < 1_000) {
  calls += 1;
  await breaker.fire().catch(() => undefined);
}
console.log(JSON.stringify({ calls, opened: breaker.opened, name: breaker.name, options: breaker.options }));
breaker.shutdown();
