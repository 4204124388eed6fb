select
    snapshot_date,
    repo_type,
    archive,
    repo_id,
    license,
    revision,
    path,
    taken_at,
    n_bytes,
    n_rows,
    digest,
    status,
    reason
from {{ source('raw_archive', 'uploads') }}
