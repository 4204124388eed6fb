// A site on a disk or a plain web server answers no questions. `hub-assets serve` sends another file by this name.
"use strict";

hub.isServed = false;
