import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "./page.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./api/queries.ts";
import { cssVariables, theme } from "./parts/theme.ts";
import { router } from "./router.tsx";
import { startLanguage } from "./text/language.ts";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html holds no element with the ID root");
await startLanguage();
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      {/* On the left and few: on the right they would lie over the buttons of dialogs. */}
      <Notifications position="bottom-left" autoClose={4000} limit={2} containerWidth={320} />
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
