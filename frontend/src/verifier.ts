import { mount } from "svelte";
import script from "virtual:offline-worker";
import "./app.css";
import Verifier from "./Verifier.svelte";
import Failure from "$lib/components/Failure.svelte";
import { asClientError } from "$lib/client/envelope";
import { connectOffline } from "$lib/client/offline";
import { applyPreferences } from "$lib/preferences.svelte";

applyPreferences();

const target = document.getElementById("app")!;
const packed = document.getElementById("program")!.textContent;
connectOffline(script, packed).then(
  (client) => mount(Verifier, { target, props: { client } }),
  (thrown: unknown) => mount(Failure, { target, props: { error: asClientError(thrown) } }),
);
