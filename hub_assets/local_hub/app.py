"""The Hub's HTTP API over a population: routes, errors, redirects and headers.

Recorded of the real Hub, and imitated: parameters, field names, page cap, `Link` and cursor; the errors' statuses,
headers and texts; relative 307 redirects; the rate limit's headers on every answer. Assumed: the fields of dataset and
space listings, the texts of answers 400 to a bad cursor, limit or sort, that `expand` rules out `full`, that members
come in one page, and what the answer 429 bears beside its text. Histories (commits, discussions) are not held by any
population yet: 501, as for accounts where there are none. All else is 404, never a 200 that a client might trust.
"""

import asyncio
import json
import math
import re
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import pyarrow.compute as pc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub_assets.local_hub.accounts import Accounts
from hub_assets.local_hub.faults import Fault, Faults
from hub_assets.local_hub.fields import REPO_TYPES, BadParameter, RepoType, info_fields
from hub_assets.local_hub.limiter import Counters, Limiter, Permit, Quota
from hub_assets.local_hub.listing import PAGE_CAP, Params, expand_names, list_page
from hub_assets.local_hub.population import Population
