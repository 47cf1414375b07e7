import { mount } from "svelte";
import "./app.css";
import App from "./App.svelte";
import Failure from "$lib/components/Failure.svelte";
import { connect } from "$lib/client";
import { asClientError } from "$lib/client/envelope";
import { applyPreferences } from "$lib/preferences.svelte";

applyPreferences();

const target = document.getElementById("app")!;
connect().then(
  (client) => mount(App, { target, props: { client } }),
  (thrown: unknown) => mount(Failure, { target, props: { error: asClientError(thrown) } }),
);
