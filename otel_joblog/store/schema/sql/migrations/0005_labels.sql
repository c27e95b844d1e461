-- Runs are found by any of their words, attributes and arguments. The index is built while writers wait; what they have
-- waits in the journal meanwhile.
-- The words of a text: in lower case, what lies between letters and digits left out; of "TimeoutError" also its parts.
create function joblog.words(text text) returns setof text
  language sql immutable parallel safe
  begin atomic
    select distinct lower(word)
    from regexp_split_to_table(
      left(text, 1000) || ' ' || regexp_replace(left(text, 1000), '([[:lower:][:digit:]])([[:upper:]])', '\1 \2', 'g'),
      '[^[:alnum:]]+') as word
    where word <> '';
  end;

-- Words such as "host:web-1" as the labels of the runs of a day.
create function joblog.labels(day date, words text[]) returns bigint[]
  language sql immutable parallel safe
  begin atomic
    select array_agg(distinct hashtextextended(word collate "C", day - date '2000-01-01'))
    from unnest(words) as word
    where word is not null;
  end;

-- All that a run is found by, as labels: a number for each, which is a hash of the word and the day of the start (UTC). So
-- one index leads to the runs of a day that have all that is asked for, and lists come newest day first, whatever they ask
-- for and however common or rare that is. A hash may deceive: who asks compares the values. Of a duration it is the
-- octave in seconds. Where in the code a job is, what it used and the like is left out.
create function joblog.run_labels(
  started_at timestamptz, ended_at timestamptz, status smallint, attempt smallint, name text, type text, trigger text,
  service text, host text, reference text, status_message text, error_type text, error_message text, attributes jsonb)
  returns bigint[]
  language sql immutable parallel safe cost 1000
  begin atomic
    select joblog.labels(
      (started_at at time zone 'UTC')::date,
      array[
        'job:' || name, 'type:' || type, 'trigger:' || trigger, 'service:' || service, 'host:' || host,
        'ref:' || reference, case when status > 2 then 'status:' || status end, case when attempt > 1 then 'again' end,
        case
          when ended_at is null then 'took:open'
          else 'took:' || floor(ln(greatest(1, extract(epoch from ended_at - started_at)::double precision)) / ln(2::float8))
        end]
      || array(
        select 'attr.' || replace(key, 'joblog.argument.', '') || ':' || (item #>> '{}')
        from jsonb_each(case when jsonb_typeof(attributes) = 'object' then attributes else '{}' end),
          jsonb_path_query(value, 'lax $[*]') as item
        where key !~ '^(joblog|code|thread)[.]' or key like 'joblog.argument.%'
        limit 200)
      || array(
        select 'word:' || word
        from joblog.words(concat_ws(' ', name, reference, error_type, coalesce(error_message, status_message))) as word));
  end;

-- Whether an attribute, or an argument of that name, is like a value, or one of its values is.
create function joblog.has_attribute(attributes jsonb, name text, alike text) returns boolean
  language sql immutable parallel safe
  begin atomic
    select exists (
      select
      from (values (attributes -> name), (attributes -> ('joblog.argument.' || name))) as found (value),
        jsonb_path_query(found.value, 'lax $[*]') as item
      where item #>> '{}' like alike);
  end;

create index job_run_labels on joblog.job_run using gin (joblog.run_labels(
  started_at, ended_at, status, attempt, name, type, trigger, service, host, reference, status_message, error_type,
  error_message, attributes))
  with (fastupdate = off);  -- what waits to be sorted in would be read whole for each day
-- A service has its own jobs: taken for independent, few runs would be expected of a job where there are thousands.
create statistics joblog.job_run_names (ndistinct, dependencies) on name, service from joblog.job_run;
