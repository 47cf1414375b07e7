// Serves the built pages with the mock, to look at them without a ledger: npm run demo [-- --port N]
import { argument } from "./browser.js";
import { serve } from "./serve.js";

const { url } = await serve(Number(argument("port") ?? 0));
console.log(`${url}  (add ?still, ?stale, ?down or ?pinned before the #)`);
