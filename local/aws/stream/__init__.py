"""Lambda's event source mappings on this machine: they hand a table's stream to a function, batch by batch.

The template's settings mean what they mean on AWS: batch size, window, filters, parallelization, partial batch
responses, bisecting, limits on retries and age, and the destination of records that were given up (here a folder).
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html

Delivery is at least once, and in order for each item. A file keeps how far each shard is settled, so neither a restart
nor a kill -9 loses a record; batches that were in flight are delivered again.
"""
