-- Inserts one instance and gives its id.
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
  machine_key
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
  @machine_key
)
RETURNING id;
