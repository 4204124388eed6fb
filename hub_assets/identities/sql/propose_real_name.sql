-- prong (b): a name with spaces and any other name, alike
select x, y from alike_names
