-- a name or full name, paired with an abbreviation of at least four characters: first name and initial, or initial and
-- surname. Both committed to the same repository, or one committed to the other's. Such pairs go to review because many
-- people share an abbreviation
with
committed as (
    select repo, namespace, author
    from participations
    where is_committer and namespace in (select non_accounts.namespace from non_accounts)
),

near as (
    select repo as place, false as is_home, author from committed
    union
    select namespace, true, author from committed
    where namespace in (select features.name from features)
    union
    select namespace as place, true as is_home, namespace as author from committed
    where namespace in (select features.name from features)
),

called as (
    select name as author, features.* from features
    union all
    select * from author_full_names
),

long as (
    select near.*, called.*, unnest(called.abbreviations) as spelling
    from near inner join called on near.author = called.author
),

short as (
    select near.*, features.*
    from near inner join features on near.author = features.name
    where length(features.stem) >= 4
)

select long.author as x, short.author as y
from long
inner join short
    on long.place = short.place and long.is_home = short.is_home and long.spelling = short.stem
inner join authors as a on long.author = a.author
inner join authors as b on short.author = b.author
where
    (not long.is_home or long.place in (long.author, short.author))
    and not (coalesce(a.is_account, false) and coalesce(b.is_account, false))
    and {{ relation_long_short }} = 'abbreviated'
