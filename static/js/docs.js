// Starts Swagger UI on the API's own description. It follows the system's light or dark side, and a sign-in run
// on the page signs the calls after it.
(function () {
  "use strict";
  const SIGN_IN_PATH = "/api/v1/auth/login";
  const SECURITY_SCHEME = "bearer";

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function applyTheme() {
    document.documentElement.classList.toggle("dark-mode", dark.matches);
  }
  dark.addEventListener("change", applyTheme);
  applyTheme();

  function useToken(response) {
    if (response.ok && new URL(response.url, location.href).pathname === SIGN_IN_PATH) {
      ui.preauthorizeApiKey(SECURITY_SCHEME, JSON.parse(response.text).access_token);
    }
    return response;
  }

  const target = document.getElementById("swagger-ui");
  const ui = window.SwaggerUIBundle({
    url: target.dataset.openapiUrl,
    domNode: target,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: true,
    docExpansion: "list",
    filter: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false,
    responseInterceptor: useToken,
    validatorUrl: null,
  });
})();
