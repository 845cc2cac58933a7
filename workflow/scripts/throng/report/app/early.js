"use strict";
// runs before the page is drawn: with scripts one section is shown at a time, without them all stand below each other
document.documentElement.classList.add("scripted");
