// A site on a disk or on a plain web server cannot answer queries. `hub-assets serve` sends a different file instead.
"use strict";

hub.isServed = false;
