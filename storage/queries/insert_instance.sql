-- Inserts one instance and gives its id. An empty @pool is the default one.
INSERT INTO instances (
  name,
  project,
  provider,
  region,
  size,
  image,
  address,
  port,
  ssh_user,
  host_key,
  tags,
  status,
  machine_key,
  pool,
  become,
  jump
)
VALUES (
  @name,
  @project,
  @provider,
  @region,
  @size,
  @image,
  @address,
  @port,
  @ssh_user,
  @host_key,
  @tags,
  @status,
  @machine_key,
  coalesce(nullif(@pool, ''), 'default'),
  @become,
  @jump
)
RETURNING id;
