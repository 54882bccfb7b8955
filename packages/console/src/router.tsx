import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Navigate,
  Outlet,
} from "@tanstack/react-router";
import { queryText } from "./api/call.ts";
import { readListSearch } from "./api/list-search.ts";
import { PageBroke, PageMissing } from "./frame/page-failures.tsx";
import { SessionGate } from "./session/session-gate.tsx";
import { SetUpPage } from "./session/set-up-page.tsx";

const root = createRootRoute({ component: Outlet, notFoundComponent: PageMissing, errorComponent: PageBroke });
const setUp = createRoute({ getParentRoute: () => root, path: "/set-up", component: SetUpPage });

/** Everything else is behind the gate: whoever is not signed in sees the sign-in page at the address that was asked for. */
const gate = createRoute({
  getParentRoute: () => root,
  id: "gate",
  component: SessionGate,
  notFoundComponent: PageMissing,
});
const at = <P extends string>(path: P) => ({ getParentRoute: () => gate, path, errorComponent: PageBroke });
/** Its filters and order are in the address. */
const listAt = <P extends string>(path: P) => ({ ...at(path), validateSearch: readListSearch });

/** Where the identity provider sends whom it refuses; the gate shows the sign-in page there. */
const signIn = createRoute({ ...at("/sign-in"), component: () => <Navigate to="/" replace /> });
const overview = createRoute({
  ...at("/"),
  component: lazyRouteComponent(() => import("./overview/overview-page.tsx"), "OverviewPage"),
});
const hosts = createRoute({
  ...listAt("/hosts"),
  component: lazyRouteComponent(() => import("./hosts/hosts-page.tsx"), "HostsPage"),
});
const host = createRoute({
  ...listAt("/hosts/$sensorId"),
  component: lazyRouteComponent(() => import("./hosts/host-page.tsx"), "HostPage"),
});
const isolation = createRoute({
  ...listAt("/isolation"),
  component: lazyRouteComponent(() => import("./isolation/isolation-page.tsx"), "IsolationPage"),
});
const prevention = createRoute({
  ...listAt("/prevention"),
  component: lazyRouteComponent(() => import("./prevention/prevention-page.tsx"), "PreventionPage"),
});
const tasks = createRoute({
  ...listAt("/tasks"),
  component: lazyRouteComponent(() => import("./tasks/tasks-page.tsx"), "TasksPage"),
});
const task = createRoute({
  ...at("/tasks/$taskId"),
  component: lazyRouteComponent(() => import("./tasks/task-page.tsx"), "TaskPage"),
});
const externalSystems = createRoute({
  ...listAt("/external-systems"),
  component: lazyRouteComponent(() => import("./external-systems/external-systems-page.tsx"), "ExternalSystemsPage"),
});
const users = createRoute({
  ...listAt("/users"),
  component: lazyRouteComponent(() => import("./users/users-page.tsx"), "UsersPage"),
});
const audit = createRoute({
  ...listAt("/audit"),
  component: lazyRouteComponent(() => import("./audit/audit-page.tsx"), "AuditPage"),
});
const settings = createRoute({
  ...at("/settings"),
  component: lazyRouteComponent(() => import("./settings/settings-page.tsx"), "SettingsPage"),
});
const account = createRoute({
  ...at("/account"),
  component: lazyRouteComponent(() => import("./account/account-page.tsx"), "AccountPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    setUp,
    gate.addChildren([
      signIn,
      overview,
      hosts,
      host,
      isolation,
      prevention,
      tasks,
      task,
      externalSystems,
      users,
      audit,
      settings,
      account,
    ]),
  ]),
  // Readable addresses: ?filter=hostName:contains:web&filter=… instead of JSON.
  parseSearch: (text) => {
    const search = new URLSearchParams(text);
    return Object.fromEntries(
      [...new Set(search.keys())].map((key) => [key, key === "filter" ? search.getAll(key) : search.get(key)]),
    );
  },
  stringifySearch: (search) => queryText(search),
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
