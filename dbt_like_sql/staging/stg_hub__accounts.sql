select
    snapshot_date,
    observed_at,
    author,
    account_key,
    account_type,
    name,
    fullname,
    created_at,
    organizations,
    outcome,
    status,
    error_code,
    message,
    attempts as n_attempts,
    calls as n_calls
from {{ source('enrich_hub', 'accounts') }}
