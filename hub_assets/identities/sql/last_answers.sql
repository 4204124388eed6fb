-- a lookup without an answer does not invalidate an earlier answer; if accounts were never looked up, all outcomes are
-- `not_asked`
select author, outcome, account_key, account_type, name, nullif(trim(fullname), '') as full_name, organizations
from answers
where outcome in ('ok', 'gone')
qualify row_number() over (partition by author order by snapshot_date desc) = 1
