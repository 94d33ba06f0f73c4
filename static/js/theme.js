// Tells Bootstrap which side the system is on. Our own colours follow the system without this.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
  }
  dark.addEventListener("change", apply);
  apply();
})();
