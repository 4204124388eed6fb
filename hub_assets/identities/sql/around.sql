-- everybody in such a namespace: authors, owner, members
with
namespaces as (
    select distinct namespace from free
),
anywhere as (
    select namespace, author from presences
    union
    select name, name from features
    union
    select organization, author from memberships
)
select anywhere.namespace, anywhere.author
from anywhere inner join namespaces on anywhere.namespace = namespaces.namespace
inner join features on anywhere.author = features.name
