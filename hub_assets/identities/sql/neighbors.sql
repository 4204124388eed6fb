-- everyone connected with a namespace in `non_accounts`: committers, discussion starters, owner and members
with
namespaces as (
    select distinct namespace from non_accounts
),

anywhere as (
    select namespace, author from presences
    union
    select features.name as namespace, features.name as author from features
    union
    select organization, author from memberships
)

select anywhere.namespace, anywhere.author
from anywhere inner join namespaces on anywhere.namespace = namespaces.namespace
inner join features on anywhere.author = features.name
