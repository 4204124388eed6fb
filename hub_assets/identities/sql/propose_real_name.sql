-- the study's rule (b): a name with spaces and any similar name
select x, y from alike_names
